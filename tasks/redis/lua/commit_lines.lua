#!lua flags=allow-oom
-- What came of some lines stands in the output: the files' lengths, the counts, and the lines' end, as one.
-- Lines were in flight, or stand next in the input and never run: then line and offset say how far that goes.
-- Returns 1, also when it was done before, or 0 when the runner or the files are not as the caller thinks.
-- KEYS: batch, runner, inflight.
-- ARGV: runner's id, output and error before, output and error after, line or '', offset, completed, failed,
--       prompt, cached, completion and reasoning tokens, lines that were in flight ...
local output, failures = unpack(redis.call('HMGET', KEYS[1], 'output', 'error'))
output, failures = output or '0', failures or '0'
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if output == ARGV[4] and failures == ARGV[5] then return 1 end
if output ~= ARGV[2] or failures ~= ARGV[3] then return 0 end
for index = 14, #ARGV do
  if redis.call('HEXISTS', KEYS[3], ARGV[index]) == 0 then return 0 end
end
redis.call('HSET', KEYS[1], 'output', ARGV[4], 'error', ARGV[5])
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'line', ARGV[6], 'offset', ARGV[7]) end
local counts = {'completed', 'failed', 'prompt_tokens', 'cached_tokens', 'completion_tokens', 'reasoning_tokens'}
for index, field in ipairs(counts) do
  redis.call('HINCRBY', KEYS[1], field, ARGV[7 + index])
end
for index = 14, #ARGV do redis.call('HDEL', KEYS[3], ARGV[index]) end
return 1
