#!lua flags=allow-oom
-- Take an exclusive lease that is free, or renew one's own, for so many milliseconds. Returns 1, or 0 while another holds it.
-- KEYS: lease
-- ARGV: id, length
if redis.call('GET', lease) == id then return redis.call('PEXPIRE', lease, length) end
return redis.call('SET', lease, id, 'NX', 'PX', length) and 1 or 0
