/** `cellc/client`: lets a project import cells whose types have not been written yet. Nothing about them is then checked. */
declare module "*.cell";
