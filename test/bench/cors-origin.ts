/** Where the requests' pages come from: a CORS middleware has something to answer. */
export const CORS_ORIGIN = 'https://app.example';
