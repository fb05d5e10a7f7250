export class Annotations { async masksOf() { return []; } free() {} }
