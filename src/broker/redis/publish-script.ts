import { createScript } from "../../clients/redis/script.ts";

/**
 * Stores one message and, where pub/sub goes through the same Redis, publishes it: live order is the order of offsets on
 * all nodes. The epoch is one of the stream, not of the server: it changes when the position was lost (flush, expiry,
 * eviction) or when the run tag differs, which says that a restart or failover may have lost messages.
 * KEYS: meta (hash e, o, r), history (stream). ARGV: candidate epoch, run tag, data, limit, ttl in seconds, channel
 * ("" publishes nothing), payload without position and closing brace. Answers epoch and offset.
 * Source: spec "messaging", section 15.2. Commands: only what Redis 6.2 has.
 */
export const PUBLISH_SCRIPT = createScript(`
local meta, history = KEYS[1], KEYS[2]
local limit, ttl = tonumber(ARGV[4]), tonumber(ARGV[5])
local known = redis.call('HMGET', meta, 'e', 'r')
local epoch = known[1]
if not epoch or known[2] ~= ARGV[2] then
  epoch = ARGV[1]
  redis.call('DEL', meta, history)
  redis.call('HSET', meta, 'e', epoch, 'r', ARGV[2])
end
local offset = string.format('%.0f', redis.call('HINCRBY', meta, 'o', 1))
if limit > 0 and ttl > 0 then
  local now = redis.call('TIME')[1]
  redis.call('XADD', history, 'MAXLEN', '=', limit, offset .. '-0', 'd', ARGV[3], 't', now)
  redis.call('EXPIRE', history, ttl)
end
redis.call('EXPIRE', meta, math.max(ttl * 10, 60))
if ARGV[6] ~= '' then
  local position = ',"offset":' .. offset .. ',"epoch":' .. cjson.encode(epoch) .. '}'
  redis.call('PUBLISH', ARGV[6], ARGV[7] .. position)
end
return {epoch, offset}
`);
