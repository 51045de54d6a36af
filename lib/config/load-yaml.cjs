'use strict';

/**
 * Loads the YAML parser at its first use: most applications have no YAML file, and all of them import the
 * configuration. CommonJS, because only `require()` loads without waiting, and because Node, bundlers and test
 * runners all follow it in a CommonJS file.
 */
function loadYaml() {
  return require('yaml');
}

exports.loadYaml = loadYaml;
