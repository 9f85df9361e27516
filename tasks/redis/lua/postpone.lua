#!lua flags=allow-oom
-- The clock has jumped by so many milliseconds: every deadline moves with it, once a token.
-- KEYS: deadlines, reply
-- ARGV: by, token
if redis.call('GET', reply) == token then return end
for _, id in ipairs(redis.call('ZRANGE', deadlines, 0, -1)) do redis.call('ZINCRBY', deadlines, by, id) end
redis.call('SET', reply, token, 'EX', 60)
