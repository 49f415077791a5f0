// esbuild bundles the imported style sheets into a file beside the script; the type checker knows them from here.
declare module '*.css';
