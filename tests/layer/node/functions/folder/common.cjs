'use strict';

exports.handler = async () => 'common';
