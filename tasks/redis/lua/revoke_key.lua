#!lua flags=allow-oom
-- An API key is good for nothing from now on. Returns 1, or 0 when there is no such key.
-- KEYS: key
if redis.call('HEXISTS', KEYS[1], 'spec') == 0 then return 0 end
local time = redis.call('TIME')
redis.call('HSETNX', KEYS[1], 'revoked', time[1] * 1000 + math.floor(time[2] / 1000))
return 1
