/**
 * The managed runtime's own start, which the emulator does without. Given: the folder of AWS's
 * runtime. Version 4 starts itself; version 3 is told what it finds in the environment on Lambda.
 */

const [, , folder] = process.argv;
const { run } = await import(`${folder}/dist/index.mjs`).catch(() => import(`${folder}/index.mjs`));
await run?.(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
