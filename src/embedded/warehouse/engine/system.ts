/** The database that the stand-in keeps its own tables and functions in; no statement sees it. */
export const SYSTEM_DATABASE = '__SF__';
