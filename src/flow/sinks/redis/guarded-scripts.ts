import { createHash } from 'node:crypto'

/** A Lua script and the name that Redis knows it by. */
export interface LuaScript {
  readonly text: string
  readonly sha: string
}

const lua = (text: string): LuaScript => ({ text, sha: createHash('sha1').update(text).digest('hex') })

/**
 * What both scripts begin with. A fence holds the highest owner counter that wrote for a partition: a smaller one is
 * refused, a greater one replaces it. A marker says that a record is in the store.
 */
const GUARDS = `
local function fenced(key, owner, ttl)
  local seen = redis.call('GET', key)
  if seen and tonumber(seen) > tonumber(owner) then return seen end
  if seen ~= owner then redis.call('SET', key, owner, 'PX', ttl) end
  return false
end
local function mark(key, ttl)
  local set = redis.pcall('SET', key, '1', 'PX', ttl, 'NX')
  if type(set) == 'table' and set.err then return 'E' .. set.err end
  return set and 1 or 2
end
`

/**
 * Writes many records, each with a verdict. KEYS: the fences, then markers and keys. ARGV: how many fences; for each its
 * owner and time to live; then for each record: its fence (0: none), the place of its marker in KEYS (0: none), the
 * marker's time to live, how many commands, and each command as its length and its words.
 * Answers for each record 1 (done), 2 (was done before), `F<owner>` (refused: another owner) or `E<error>`.
 */
export const WRITE_SCRIPT: LuaScript = lua(`${GUARDS}
local at = 1
local function word()
  at = at + 1
  return ARGV[at - 1]
end
local stale = {}
for fence = 1, tonumber(word()) do
  local owner = word()
  stale[fence] = fenced(KEYS[fence], owner, word())
end
local answers = {}
while at <= #ARGV do
  local fence, marker = tonumber(word()), tonumber(word())
  local ttl = word()
  local answer = 1
  if fence > 0 and stale[fence] then answer = 'F' .. stale[fence]
  elseif marker > 0 then answer = mark(KEYS[marker], ttl) end
  for command = 1, tonumber(word()) do
    local words = tonumber(word())
    if answer == 1 then
      local reply = redis.pcall(unpack(ARGV, at, at + words - 1))
      if type(reply) == 'table' and reply.err then
        answer = 'E' .. reply.err
        if marker > 0 then redis.pcall('DEL', KEYS[marker]) end
      end
    end
    at = at + words
  end
  answers[#answers + 1] = answer
end
return answers
`)

/**
 * A script of the configuration behind the same guards. KEYS: fence and marker (where ARGV says that they are there),
 * then the script's own. ARGV: owner or '', fence's time to live, marker's time to live or '', then the script's own.
 * The answer is a list of one, as of WRITE_SCRIPT.
 */
export function guardedScript(text: string): LuaScript {
  return lua(`${GUARDS}
local function user(KEYS, ARGV)
${text}
end
local first = 1
if ARGV[1] ~= '' then
  local seen = fenced(KEYS[1], ARGV[1], ARGV[2])
  if seen then return {'F' .. seen} end
  first = 2
end
local marker
if ARGV[3] ~= '' then
  marker = KEYS[first]
  first = first + 1
  local answer = mark(marker, ARGV[3])
  if answer ~= 1 then return {answer} end
end
local keys, args = {}, {}
for at = first, #KEYS do keys[#keys + 1] = KEYS[at] end
for at = 4, #ARGV do args[#args + 1] = ARGV[at] end
local ok, reply = pcall(user, keys, args)
local failure
if not ok then failure = type(reply) == 'table' and reply.err or tostring(reply)
elseif type(reply) == 'table' and reply.err then failure = reply.err end
if failure then
  if marker then redis.pcall('DEL', marker) end
  return {'E' .. failure}
end
return {1}
`)
}
