/** installer-process.ts install|uninstall SETTINGS [TIMES]: does so, TIMES in turn with the other, and ends with 1 where it was refused. */
import { setTimeout as pause } from 'node:timers/promises';
import { install, uninstall } from '../../../../receivers/claude_code_hooks/install/install.ts';

const [action, settings = '', times = '1'] = process.argv.slice(2);
const program = {
  node: process.execPath,
  main: '/opt/agent col/dist/src/main.cjs',
  database: '/tmp/my data/agents.db',
};
const options = { dryRun: false };
const uid = Number(process.env['AGENTCOL_TEST_UID'] ?? '');
if (uid > 0) {
  process.setgid?.(uid);
  process.setuid?.(uid);
}
try {
  for (let time = 0; time < Number(times); time += 1) {
    const installs = (action === 'install') === (time % 2 === 0);
    if (time > 0) await pause(Math.random() * 50);
    await (installs ? install(settings, program, options) : uninstall(settings, options));
  }
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
}
