#!lua flags=allow-oom
-- The clock has jumped: every deadline moves with it, once a token.
-- KEYS: deadlines, reply.  ARGV: by (ms), token
if redis.call('GET', KEYS[2]) == ARGV[2] then return end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZINCRBY', KEYS[1], ARGV[1], id) end
redis.call('SET', KEYS[2], ARGV[2], 'EX', 60)
