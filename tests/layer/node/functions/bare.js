/** A streaming handler that does without AWS's global. */

'use strict';

exports.streaming = async (event, stream) => {
  stream.write('streamed');
  stream.end();
};
exports.streaming[Symbol.for('aws.lambda.runtime.handler.streaming')] = 'response';
