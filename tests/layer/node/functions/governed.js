/** Handlers that are governed in the function's own code. */

'use strict';

const { ConcurrencyLimitExceeded, governed } = require('governor-layer');

exports.handler = governed(async (event) => ({ event, name: ConcurrencyLimitExceeded.name }));
exports.streaming = awslambda.streamifyResponse(
  governed(async (event, stream) => {
    stream.write('streamed');
    stream.end();
  }),
);
