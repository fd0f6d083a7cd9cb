/**
 * Whose words groups, subjects and claims are. Each issuer names its own people and programs: `admins` of one is not `admins` of
 * another, and neither is `sub: 42` (OpenID Connect Core 1.0, section 2: a subject is unique within its issuer). So what a policy says
 * of them belongs to an issuer, by name or because there is only one.
 */
/** Of a policy file, where it names issuers. */
interface Issuing {
  readonly principals: {
    readonly issuer?: readonly string[] | undefined;
    readonly except?: { readonly issuer?: readonly string[] | undefined } | undefined;
  };
  readonly rules: readonly { readonly by?: { readonly issuer?: readonly string[] | undefined } | undefined }[];
}

/** An issuer as it is compared: some write a slash at the end, some don't. */
export const issuerKey = (issuer: string): string => issuer.replace(/\/$/, '');

/** Those that a file names, in whatever place. */
const issuersNamed = ({ principals, rules }: Issuing): readonly string[] => [
  ...(principals.issuer ?? []),
  ...(principals.except?.issuer ?? []),
  ...rules.flatMap(({ by }) => by?.issuer ?? []),
];

export interface KnownIssuers {
  /** As they are compared. */
  readonly all: readonly string[];
  /** From a configuration: there is no other. Else those that the files themselves name. */
  readonly isConfigured: boolean;
}

export function knownIssuers(configured: readonly string[] | undefined, files: readonly Issuing[]): KnownIssuers {
  const all = [...new Set((configured ?? files.flatMap(issuersNamed)).map(issuerKey))];
  return { all, isConfigured: configured !== undefined };
}

/** Which issuer something is said of: the one that is named, else the only one there is; undefined where nobody knows which there are. */
export const issuersOf = (
  named: readonly string[] | undefined,
  { all, isConfigured }: KnownIssuers,
): readonly string[] | undefined => named ?? (isConfigured ? all : undefined);

type Report = (path: readonly PropertyKey[], message: string) => void;

/** What a file leaves open, or gets wrong, about issuers. */
export function reportIssuers(file: Issuing, { all, isConfigured }: KnownIssuers, report: Report): void {
  const { principals, rules } = file;
  const need = (path: readonly PropertyKey[], what: string): void => {
    if (all.length > 1)
      report(
        path,
        `Whose ${what} these are is open: tokens come from ${all.join(' and ')}. Add "issuer:" with the one that is meant; what one issuer says never counts for another.`,
      );
  };
  const check = (named: readonly string[] | undefined, path: readonly PropertyKey[]): void => {
    for (const issuer of named ?? [])
      if (isConfigured && !all.includes(issuer))
        report(path, `${issuer} is none of the issuers that tokens are taken from: ${all.join(', ')}.`);
  };
  if (!principals.issuer) need(['principals'], 'groups, subjects and claims');
  check(principals.issuer, ['principals', 'issuer']);
  check(principals.except?.issuer, ['principals', 'except', 'issuer']);
  for (const [index, { by }] of rules.entries()) {
    if (by && !by.issuer) need(['rules', index, 'by'], 'groups');
    check(by?.issuer, ['rules', index, 'by', 'issuer']);
  }
}
