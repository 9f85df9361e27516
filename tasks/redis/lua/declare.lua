#!lua flags=allow-oom
-- What the supervisor says of a model.
-- KEYS: state, models.  ARGV: model, state
redis.call('SET', KEYS[1], ARGV[2])
redis.call('SADD', KEYS[2], ARGV[1])
