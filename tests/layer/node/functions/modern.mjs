/** Handlers in an ECMAScript module that has to be awaited. */

const name = await Promise.resolve('modern');

export const handler = async (event) => ({ name, event });
export default { inDefault: async () => 'default' };
