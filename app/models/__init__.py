"""Tables, one file per aggregate."""

from app.models.api_key import ApiKey
from app.models.base import Base
from app.models.campaign import Campaign, CampaignEffect, CampaignSku
from app.models.catalog import ItemClass, Location, PriceHistory, Sku
from app.models.customer import Customer, CustomerLtv, LtvModel, SkuLtv
from app.models.disposition import Disposition, Evaluation
from app.models.forecast import (
    Forecast,
    ForecastAccuracy,
    ForecastDraft,
    ForecastFinding,
    ForecastPartition,
    ForecastRun,
    ForecastSeries,
    RunStatus,
)
from app.models.imports import ImportBatch, ImportReject, ImportRejectRow
from app.models.job import Job, JobStatus
from app.models.mapping import MappingProfile
from app.models.order_list import OrderLine, OrderList, OrderStatus
from app.models.policy import PolicyVersion
from app.models.sales import Sale, SalesDaily
from app.models.sell_through import SellThrough
from app.models.stock import StockLevel, StockMovement
from app.models.supply import Sourcing, Supplier

__all__ = [
    "ApiKey",
    "Base",
    "Campaign",
    "CampaignEffect",
    "CampaignSku",
    "Customer",
    "CustomerLtv",
    "Disposition",
    "Evaluation",
    "Forecast",
    "ForecastAccuracy",
    "ForecastDraft",
    "ForecastFinding",
    "ForecastPartition",
    "ForecastRun",
    "ForecastSeries",
    "ImportBatch",
    "ImportReject",
    "ImportRejectRow",
    "ItemClass",
    "Job",
    "JobStatus",
    "Location",
    "LtvModel",
    "MappingProfile",
    "OrderLine",
    "OrderList",
    "OrderStatus",
    "PolicyVersion",
    "PriceHistory",
    "RunStatus",
    "Sale",
    "SalesDaily",
    "SellThrough",
    "Sku",
    "SkuLtv",
    "Sourcing",
    "StockLevel",
    "StockMovement",
    "Supplier",
]
