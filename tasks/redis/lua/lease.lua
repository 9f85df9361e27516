#!lua flags=allow-oom
-- Take a lease that is free, or renew one's own. Returns 1, or 0 while another holds it.
-- KEYS: lease.  ARGV: id, length (ms)
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
