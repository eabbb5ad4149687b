/** Ids and names that stand in rows as they are. */
export const IDENTIFIER = '^[A-Za-z0-9_.:-]{1,128}$';

const identifier = { type: 'string', pattern: IDENTIFIER } as const;
/** "" means absent, and so does null. */
const optionalIdentifier = { type: ['string', 'null'], pattern: '^[A-Za-z0-9_.:-]{0,128}$' } as const;
const optionalText = { type: ['string', 'null'] } as const;
const anything = {} as const;

/**
 * Payloads of Claude Code's hooks, of all versions. Strict about what identifies an event, and about types; what only
 * describes it may be anything of its type. The validator is generated from this, see validate-payload.generated.js.
 */
export const payloadSchema = {
  type: 'object',
  required: ['session_id', 'hook_event_name'],
  properties: {
    session_id: identifier,
    hook_event_name: identifier,
    transcript_path: anything,
    cwd: optionalText,
    permission_mode: optionalText,
    prompt_id: anything,
    // The type of a sub-agent is a name that users choose: printable, not too long.
    agent_type: { type: ['string', 'null'], pattern: '^[^\\p{C}]{0,128}$' },
    agent_id: optionalIdentifier,
    agent_transcript_path: anything,
    tool_name: identifier,
    tool_use_id: optionalIdentifier,
    tool_input: anything,
    tool_response: anything,
    duration_ms: { type: ['number', 'null'] },
    error: anything,
    is_interrupt: { type: ['boolean', 'null'] },
    permission_suggestions: anything,
    source: optionalText,
    model: optionalText,
    reason: optionalText,
    trigger: optionalText,
    custom_instructions: anything,
    stop_hook_active: anything,
    last_assistant_message: anything,
    prompt: anything,
    message: anything,
    title: anything,
    notification_type: optionalText,
  },
  if: {
    type: 'object',
    required: ['hook_event_name'],
    properties: {
      hook_event_name: {
        enum: ['PreToolUse', 'PostToolUse', 'PostToolUseFailure', 'PermissionRequest', 'PermissionDenied'],
      },
    },
  },
  then: { type: 'object', required: ['tool_name'] },
} as const;
