/** Handlers of every kind that AWS's runtimes know, as CommonJS. */

'use strict';

exports.asynchronous = async (event, context) => ({ event, id: context.awsRequestId.length });
exports.promising = (event) => Promise.resolve(event);
exports.rejecting = async () => {
  throw new TypeError('no such order');
};
exports.throwing = () => {
  throw new TypeError('no such order');
};
exports.nested = { deeper: { handler: async () => 'deep' } };
exports.parented = async () => ({ parent: Boolean(module.parent), main: require.main === module });
exports.bound = async function bound() {
  return typeof this;
};
exports.named = async () => exports.named.name;

exports.calling = (event, context, callback) => callback(null, { called: event });
exports.callingLater = (event, context, callback) => {
  setTimeout(callback, 20, null, 'later');
};
exports.callingWithError = (event, context, callback) => callback(new TypeError('no such order'));
exports.done = (event, context) => context.done(null, 'done');
exports.succeeding = (event, context) => context.succeed('succeeded');
exports.failing = (event, context) => context.fail(new TypeError('no such order'));
exports.returning = () => 'nobody listens to this';
exports.nothingLeft = () => new Promise(() => {});
exports.lingering = (event, context, callback) => {
  const state = { ended: false };
  setTimeout(() => (state.ended = true), 100);
  callback(null, state);
};
exports.hurrying = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  const state = { ended: false };
  setTimeout(() => (state.ended = true), 100);
  callback(null, state);
};

exports.leaving = async () => process.exit(3);
exports.crashing = () => {
  setTimeout(() => {
    throw new TypeError('nobody catches this');
  }, 1);
  return new Promise(() => setTimeout(() => {}, 5000));
};

exports.streaming = awslambda.streamifyResponse(async (event, stream) => {
  const meta = { statusCode: 201, headers: { 'content-type': 'text/plain' } };
  const answer = awslambda.HttpResponseStream.from(stream, meta);
  answer.write('one ');
  answer.write('two');
  answer.end();
});
exports.streamingFails = awslambda.streamifyResponse(async () => {
  throw new TypeError('no such order');
});
exports.notAFunction = 7;
