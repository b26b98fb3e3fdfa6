/** An ECMAScript module by its package. */

export const handler = async () => import.meta.url.split('/').at(-1);
