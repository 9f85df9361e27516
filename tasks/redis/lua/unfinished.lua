#!lua flags=no-writes
-- How many jobs have not ended.
-- KEYS: deadlines
return redis.call('ZCARD', deadlines)
