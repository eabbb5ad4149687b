import fs from 'node:fs';
import path from 'node:path';
import { files } from './files.ts';

const folder = path.resolve(import.meta.dirname, '../dashboards');
fs.mkdirSync(folder, { recursive: true });
for (const [name, text] of files) fs.writeFileSync(path.join(folder, name), text);
