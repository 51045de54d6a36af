export declare function loadYaml(): typeof import('yaml');
