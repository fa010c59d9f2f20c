/** Put in by build.mjs. */
declare const THREE_VERSION: string;
/** The bundled worker.ts, put in by build.mjs. */
declare const WORKER_SOURCE: string;
