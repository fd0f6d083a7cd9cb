import type { Warehouse } from '../../dist/warehouse/index.js';

type Options = ConstructorParameters<typeof Warehouse>[0];

export function warehouseAt(accessUrl: string, password: string, more?: Partial<Options>): Warehouse;
