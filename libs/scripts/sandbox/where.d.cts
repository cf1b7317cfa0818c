declare const where: { readonly workerFile: string };
export = where;
