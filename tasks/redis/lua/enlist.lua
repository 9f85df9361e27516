-- A job of an earlier version gets its place in the list of every owner's jobs, if it still is there.
-- KEYS: record, everybody's index.  ARGV: id, created
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1]) end
