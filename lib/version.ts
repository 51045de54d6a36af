/** The version of this package. A constant, since a bundle has no package.json to ask. */
export const VERSION = '0.11.0';
