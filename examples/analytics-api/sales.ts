import type { User } from 'latchkey';

interface Sale {
  readonly region: string;
  readonly customer: string;
  readonly amount: number;
}

const sales: readonly Sale[] = [
  { region: 'eu', customer: 'anna@example.com', amount: 120 },
  { region: 'eu', customer: 'bert@example.com', amount: 80 },
  { region: 'us', customer: 'carl@example.com', amount: 300 },
];

/** Row-level security: the user's `region`, or every row for administrators; who the customer is, for stewards. */
export function visibleSales({ roles, groups, attributes }: User): readonly Sale[] {
  const rows = roles.includes('admin')
    ? sales
    : sales.filter(({ region }) => region === attributes['region']);
  return groups.includes('stewards') ? rows : rows.map((row) => ({ ...row, customer: '***' }));
}
