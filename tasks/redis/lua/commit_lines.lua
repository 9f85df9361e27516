#!lua flags=allow-oom
-- What came of some lines stands in the output: the files' lengths, the counts, and the lines' end, as one.
-- Lines were in flight, or stand next in the input and never run: then line and offset, else '', say how far that goes.
-- Returns 1, also when it was done before, or 0 when the runner or the files are not as the caller thinks.
-- KEYS: batch, runner, inflight
-- ARGV: id, output_before, error_before, output_after, error_after, line, offset, completed, failed, prompt_tokens
-- ARGV: cached_tokens, completion_tokens, reasoning_tokens, ended...
local output, failures = unpack(redis.call('HMGET', batch, 'output', 'error'))
output, failures = output or '0', failures or '0'
if redis.call('GET', runner) ~= id then return 0 end
if output == output_after and failures == error_after then return 1 end
if output ~= output_before or failures ~= error_before then return 0 end
for at = ended, #ARGV do
  if redis.call('HEXISTS', inflight, ARGV[at]) == 0 then return 0 end
end
redis.call('HSET', batch, 'output', output_after, 'error', error_after)
if line ~= '' then redis.call('HSET', batch, 'line', line, 'offset', offset) end
redis.call('HINCRBY', batch, 'completed', completed)
redis.call('HINCRBY', batch, 'failed', failed)
redis.call('HINCRBY', batch, 'prompt_tokens', prompt_tokens)
redis.call('HINCRBY', batch, 'cached_tokens', cached_tokens)
redis.call('HINCRBY', batch, 'completion_tokens', completion_tokens)
redis.call('HINCRBY', batch, 'reasoning_tokens', reasoning_tokens)
for at = ended, #ARGV do redis.call('HDEL', inflight, ARGV[at]) end
return 1
