#!lua flags=allow-oom
-- The supervisor's state of a model is written, and the model listed.
-- KEYS: state, models
-- ARGV: model, description
redis.call('SET', state, description)
redis.call('SADD', models, model)
