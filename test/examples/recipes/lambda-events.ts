import type { LambdaEvent } from '../../../examples/recipes/serverless/app.js';

/** What a client asks for. */
export interface Ask {
  readonly method?: string;
  readonly path: string;
  /** As the client sends it. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** As Gateways send bodies of types that they take for binary. */
  readonly isBase64?: boolean;
  readonly sourceIp?: string;
}

export interface LambdaAnswer {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly cookies?: readonly string[];
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

/** Where an event comes from. */
interface EventSource {
  readonly name: string;
  readonly event: (ask: Ask) => LambdaEvent;
  readonly cookiesOf: (answer: LambdaAnswer) => readonly string[];
  /** What a token that comes twice is: two credentials, or, joined by a comma, none that could be one. */
  readonly twice: 400 | 401;
}

const bodyOf = ({ body, isBase64 = false }: Ask) => ({
  body: body === undefined ? undefined : isBase64 ? Buffer.from(body).toString('base64') : body,
  isBase64Encoded: isBase64,
});

const linesOf = ({ headers = {} }: Ask): Record<string, readonly string[]> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()]));

const lastOf = (lines: Record<string, readonly string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(lines).map(([name, values]) => [name, values.at(-1) ?? '']));

/** A REST API decodes names and values, a load balancer leaves them as they are. */
const queryOf = ({ query = '' }: Ask, spell: (text: string) => string) => {
  const lines: Record<string, string[]> = {};
  for (const part of query.split('&').filter((each) => each !== '')) {
    const [name = '', value = ''] = part.split('=').map(spell);
    lines[name] = [...(lines[name] ?? []), value];
  }
  return lines;
};
const decoded = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));
const asSent = (text: string): string => text;

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html, edge-optimised: CloudFront is before it. */
const rest: EventSource = {
  twice: 400,
  name: 'REST API (format 1.0)',
  event(ask) {
    const { method = 'GET', path, sourceIp = '203.0.113.7' } = ask;
    const { body = null, isBase64Encoded } = bodyOf(ask);
    const forwarded = [linesOf(ask)['X-Forwarded-For'], sourceIp, '198.51.100.1'].flat();
    const lines = {
      ...linesOf(ask),
      Host: ['0123456789.execute-api.us-east-1.amazonaws.com'],
      'X-Forwarded-For': [forwarded.filter((address) => address !== undefined).join(', ')],
      'X-Forwarded-Port': ['443'],
      'X-Forwarded-Proto': ['https'],
    };
    const event = {
      resource: '/{proxy+}',
      path,
      httpMethod: method,
      headers: lastOf(lines),
      multiValueHeaders: lines,
      queryStringParameters: ask.query ? lastOf(queryOf(ask, decoded)) : null,
      multiValueQueryStringParameters: ask.query ? queryOf(ask, decoded) : null,
      pathParameters: { proxy: path.slice(1) },
      stageVariables: null,
      requestContext: {
        accountId: '123456789012',
        resourceId: '123456',
        stage: 'prod',
        requestId: 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef',
        requestTime: '09/Apr/2015:12:34:56 +0000',
        requestTimeEpoch: 1428582896000,
        identity: { accountId: null, caller: null, sourceIp, user: null, userAgent: 'Custom' },
        path: `/prod${path}`,
        resourcePath: '/{proxy+}',
        httpMethod: method,
        apiId: '1234567890',
        protocol: 'HTTP/1.1',
      },
      body,
      isBase64Encoded,
    };
    return event;
  },
  cookiesOf: ({ multiValueHeaders }) => multiValueHeaders?.['set-cookie'] ?? [],
};

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
const http: EventSource = {
  twice: 401,
  name: 'HTTP API (format 2.0)',
  event(ask) {
    const { method = 'GET', path, sourceIp = '203.0.113.7' } = ask;
    const { cookie, ...lines } = linesOf(ask);
    const joined = Object.entries(lines).map(([name, values]) => [
      name.toLowerCase(),
      values.join(','),
    ]);
    const event = {
      version: '2.0',
      routeKey: '$default',
      rawPath: path,
      rawQueryString: ask.query ?? '',
      ...(cookie && { cookies: cookie.flatMap((line) => line.split('; ')) }),
      headers: {
        host: 'id.execute-api.us-east-1.amazonaws.com',
        'content-length': String(Buffer.byteLength(ask.body ?? '')),
        'x-forwarded-for': sourceIp,
        'x-forwarded-port': '443',
        'x-forwarded-proto': 'https',
        ...Object.fromEntries(joined),
      },
      requestContext: {
        accountId: '123456789012',
        apiId: 'api-id',
        domainName: 'id.execute-api.us-east-1.amazonaws.com',
        domainPrefix: 'id',
        http: { method, path, protocol: 'HTTP/1.1', sourceIp, userAgent: 'agent' },
        requestId: 'JKJaXmPLvHcESHA=',
        routeKey: '$default',
        stage: '$default',
        time: '12/Mar/2020:19:03:58 +0000',
        timeEpoch: 1583348638390,
      },
      ...bodyOf(ask),
    };
    return event;
  },
  cookiesOf: ({ cookies }) => cookies ?? [],
};

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html, with multi-value headers. */
const loadBalancer: EventSource = {
  twice: 400,
  name: 'load balancer',
  event(ask) {
    const { method = 'GET', path, sourceIp = '203.0.113.7' } = ask;
    const { body = '', isBase64Encoded } = bodyOf(ask);
    const { 'X-Forwarded-For': written = [], ...lines } = linesOf(ask);
    const event = {
      requestContext: {
        elb: {
          targetGroupArn:
            'arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/my-target-group/6d0ecf831eec9f09',
        },
      },
      httpMethod: method,
      path,
      multiValueQueryStringParameters: queryOf(ask, asSent),
      multiValueHeaders: {
        ...lines,
        host: ['lambda-846800462-us-east-2.elb.amazonaws.com'],
        'content-length': [String(Buffer.byteLength(ask.body ?? ''))],
        'x-amzn-trace-id': ['Root=1-5bdb40ca-556d8b0c50dc66f0511bf520'],
        'x-forwarded-for': [[...written, sourceIp].join(', ')],
        'x-forwarded-port': ['443'],
        'x-forwarded-proto': ['https'],
      },
      body,
      isBase64Encoded,
    };
    return event;
  },
  cookiesOf: ({ multiValueHeaders }) => multiValueHeaders?.['set-cookie'] ?? [],
};

export const eventSources = [rest, http, loadBalancer];
