/**
 * A Node.js process that a test in Python drives: it evaluates what comes in on standard input, a
 * JSON line each, and replies on descriptor 3. Standard output is left to the layer.
 */

'use strict';

const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');

const LAYER = path.resolve(__dirname, '../../../lambda_layer/nodejs/node_modules/governor-layer');
const REPLIES = 3;

const { Call } = require(path.join(LAYER, 'call.js'));
const { Desk } = require(path.join(LAYER, 'checkin.js'));
const { entrance } = require(path.join(LAYER, 'invocation.js'));
const { Settings } = require(path.join(LAYER, 'settings.js'));

/** What the runtime tells a handler of its invocation. */
function contextOf({ request_id: awsRequestId = 'c6af9ac6-7b61', remaining_ms: ms = 3000 } = {}) {
  return { awsRequestId, getRemainingTimeInMillis: () => ms };
}

/** What comes of a case of the shared table, from the moment when the runtime loads the handler. */
async function outcomeOf({ name, event, environ, remaining_ms }) {
  const given = [];
  const handler = async (...seen) => {
    given.push(seen[0] === event);
    return { ran: true };
  };
  const context = contextOf({ remaining_ms });
  try {
    const gate = entrance(environ);
    const call = new Call(handler, undefined, [event, context]);
    const returned = await (gate === null ? handler(event, context) : gate.run(call));
    return { name, given, returned };
  } catch (error) {
    return { name, given, error: { name: error.name, kind: error.constructor.name, message: error.message } };
  }
}

/** Whatever tests keep between two lines. */
const kept = {};

async function reply(source, given) {
  const tools = { Call, Desk, LAYER, Settings, contextOf, entrance, kept, outcomeOf, require };
  const body = new Function(...Object.keys(tools), 'given', `return (async () => {${source}})()`);
  try {
    return { returned: (await body(...Object.values(tools), given)) ?? null };
  } catch (error) {
    return { error: `${error.name}: ${error.message}` };
  }
}

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const { source, given } = JSON.parse(line);
  fs.writeSync(REPLIES, `${JSON.stringify(await reply(source, given))}\n`);
});
