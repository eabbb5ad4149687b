/** doctor-process.ts DATABASE: prints what doctor finds of it, as the user AGENTCOL_TEST_UID where that is given. */
import { checkDatabase } from '../../src/commands/doctor-database.ts';
// Loaded now: another user may not be able to read this checkout.
import '../../receivers/claude_code_hooks/database.ts';

const uid = Number(process.env['AGENTCOL_TEST_UID'] ?? '');
if (uid > 0) {
  process.setgroups?.([]);
  process.setgid?.(uid);
  process.setuid?.(uid);
}
console.log(JSON.stringify(await checkDatabase(process.argv[2] ?? '')));
