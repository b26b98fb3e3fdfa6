/**
 * `node interpreter.mjs PYODIDE PROGRAM FOLDER...` runs a program in the Python of the folder
 * PYODIDE. It finds the other folders as /given/0, /given/1, ...
 */

import fs from 'node:fs';
import path from 'node:path';

const [, , pyodide, program, ...folders] = process.argv;
const { loadPyodide } = await import(path.resolve(pyodide, 'pyodide.mjs'));

const python = await loadPyodide();
for (const [number, folder] of folders.entries()) {
  python.FS.mkdirTree(`/given/${number}`);
  python.FS.mount(python.FS.filesystems.NODEFS, { root: path.resolve(folder) }, `/given/${number}`);
}
python.runPython(fs.readFileSync(program, 'utf8'));
