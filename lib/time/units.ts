/** Units that times are told in, by their names in `Intl`, with their length in seconds. The longest first. */
export const TIME_UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;
