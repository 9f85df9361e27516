#!lua flags=allow-oom
-- A step's events of every row at once. Each row answers 1, also when it has ended since, or 0 when it was superseded
-- or ended by another: drop it.
-- An event that already stands in its stream (the reply to an earlier try was lost) is refused by its id and is no error.
-- KEYS: cancels, (record, events) a row.
-- ARGV: worker, last cancel id, (attempt, progress or '', shows text, count, (seq, event) a count) a row
-- Returns {row answers, cancel entries since}
local at, answers = 3, {}
for index = 2, #KEYS, 2 do
  local status, worker, attempt, stream, shown =
    unpack(redis.call('HMGET', KEYS[index], 'status', 'worker', 'attempt', 'stream', 'shown'))
  local mine = status == 'running' and worker == ARGV[1] and attempt == ARGV[at]
  local count = tonumber(ARGV[at + 3])
  if mine then
    if ARGV[at + 1] ~= '' then redis.call('HSET', KEYS[index], 'progress', ARGV[at + 1]) end
    if ARGV[at + 2] == '1' and stream == '1' and not shown then redis.call('HSET', KEYS[index], 'shown', 1) end
    for event = 0, count - 1 do
      redis.pcall('XADD', KEYS[index + 1], ARGV[at] .. '-' .. ARGV[at + 4 + event * 2], 'e', ARGV[at + 5 + event * 2])
    end
  end
  local own = mine or redis.call('HGET', KEYS[index], 'ended') == ARGV[1] .. ':' .. ARGV[at]
  answers[#answers + 1] = own and 1 or 0
  at = at + 4 + count * 2
end
return {answers, redis.call('XRANGE', KEYS[1], '(' .. ARGV[2], '+')}
