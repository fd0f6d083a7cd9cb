export declare const TYPES: readonly string[];
export declare function pages(): { readonly now: string; readonly due: string };
