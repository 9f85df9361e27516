#!lua flags=allow-oom
-- A step's events of every row at once. Each row answers 1, also when it has ended since, or 0 when it was superseded
-- or ended by another: drop it.
-- An event that already stands in its stream (the reply to an earlier try was lost) is refused by its id, which is no
-- error.
-- Keys are (record, events) a row; arguments (attempt, progress or '', shows text, count, (seq, event) a count) a row,
-- and `cursor`, the last cancellation's id.
-- Returns {row answers, cancel entries since}.
-- KEYS: cancels, rows...
-- ARGV: worker, cursor, steps...
local at, answers = steps, {}
for row = rows, #KEYS, 2 do
  local record, events = KEYS[row], KEYS[row + 1]
  local attempt, progress, shows, count = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  local status, holder, current, stream, shown =
    unpack(redis.call('HMGET', record, 'status', 'worker', 'attempt', 'stream', 'shown'))
  local mine = status == 'running' and holder == worker and current == attempt
  if mine then
    if progress ~= '' then redis.call('HSET', record, 'progress', progress) end
    if shows == '1' and stream == '1' and not shown then redis.call('HSET', record, 'shown', 1) end
    for event = at + 4, at + 2 + count * 2, 2 do
      redis.pcall('XADD', events, attempt .. '-' .. ARGV[event], 'e', ARGV[event + 1])
    end
  end
  local own = mine or redis.call('HGET', record, 'ended') == worker .. ':' .. attempt
  answers[#answers + 1] = own and 1 or 0
  at = at + 4 + count * 2
end
return {answers, redis.call('XRANGE', cancels, '(' .. cursor, '+')}
