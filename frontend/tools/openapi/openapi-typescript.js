#!/usr/bin/env node
// The command is not among the package's exports, so it is reached by its path.
import "./node_modules/openapi-typescript/bin/cli.js"
