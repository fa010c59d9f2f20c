/** Put in by build.mjs. */
declare const THREE_VERSION: string;
