-- A job of an earlier version gets its place in the list of all owners' jobs, if it still is there.
-- KEYS: record, everybody
-- ARGV: id, created
if redis.call('EXISTS', record) == 1 then redis.call('ZADD', everybody, created, id) end
