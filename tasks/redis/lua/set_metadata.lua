-- The metadata of a record that is there are replaced.
-- KEYS: record
-- ARGV: metadata
if redis.call('EXISTS', record) == 1 then redis.call('HSET', record, 'metadata', metadata) end
