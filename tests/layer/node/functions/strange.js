'use strict'; throw new RangeError('no database');
