#!/usr/bin/env node
// Written so that every old Node can parse it: its first duty is to say which Node is needed.
'use strict'

var NEEDED = 24
var found = process.versions.node

if (parseInt(found, 10) < NEEDED) {
  process.stderr.write(
    'drakkar needs Node ' +
      NEEDED +
      ' or newer; this is Node ' +
      found +
      ' (' +
      process.execPath +
      '): https://nodejs.org\n',
  )
  process.exit(2)
}

require('./start.cjs')
