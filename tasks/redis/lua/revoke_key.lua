#!lua flags=allow-oom
-- An API key is good for nothing from now on. Returns 1, or 0 when there is no such key.
-- KEYS: key
-- USES: clock
if redis.call('HEXISTS', key, 'spec') == 0 then return 0 end
redis.call('HSETNX', key, 'revoked', clock())
return 1
