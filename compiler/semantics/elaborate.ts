/** Text → checked cell or model → Tensor IR: the stage's front door. */
import { CompileError, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { nowhere } from "../diagnostics/span.ts";
import type { Graph } from "../ir/types.ts";
import type { SourceHost } from "../source-host.ts";
import type { CellDecl, CellParam, DerivedDecl, DimParam, ModelDecl } from "../syntax/ast.ts";
import { checkBody } from "./bodies.ts";
import type { SiteInfo } from "./cells.ts";
import { asDim, checkExtents, extentOf, isExtent } from "./constants.ts";
import type { World } from "./context.ts";
import { type Resolved, resolve } from "./derivations.ts";
import { bindDims, defaultDims } from "./dimensions.ts";
import { type Built, buildCell } from "./harness.ts";
import { buildModel } from "./models.ts";
import { type Declared, type Module, Modules } from "./modules.ts";
import type { PlaceOption } from "./placements.ts";
import { Problems } from "./problems.ts";
import { didYouMean, type Origin, type Scope } from "./scope.ts";
