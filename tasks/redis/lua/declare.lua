#!lua flags=allow-oom
-- What the supervisor says of a model.
-- KEYS: state, models
-- ARGV: model, said
redis.call('SET', state, said)
redis.call('SADD', models, model)
