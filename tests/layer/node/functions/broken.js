'use strict'; exports.handler = async ( => 1;
