// A place for a choir's recordings: storage, a site that plays them, and who may look.
targetScope = 'resourceGroup'

@description('Where everything stands.')
param location string = resourceGroup().location

@minLength(3)
@maxLength(11)
param choir string

@allowed([
  'small'
  'large'
])
param tier string = 'small'

@secure()
param adminKey string

param concerts array = []

type Tags = {
  owner: string
  season: int?
}

param tags Tags = {
  owner: 'choir'
}

func nameFor(kind string, choir string) string => toLower('${kind}${choir}')

var sizes = {
  small: {
    sku: 'B1'
    copies: 1
  }
  large: {
    sku: 'S1'
    copies: 2
  }
}

var storageName = nameFor('rec', choir)

resource storage 'Microsoft.Storage/storageAccounts@2023-01-01' = {
  name: storageName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    minimumTlsVersion: 'TLS1_2'
    allowBlobPublicAccess: false
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-01-01' = {
  parent: storage
  name: 'default'
}

// One container for each concert.
resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-01-01' = [for concert in concerts: {
  parent: blobs
  name: concert
}]

resource plan 'Microsoft.Web/serverfarms@2023-01-01' = {
  name: nameFor('plan', choir)
  location: location
  sku: {
    name: sizes[tier].sku
    capacity: sizes[tier].copies
  }
}

resource site 'Microsoft.Web/sites@2023-01-01' = {
  name: nameFor('site', choir)
  location: location
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    siteConfig: {
      appSettings: [
        {
          name: 'STORAGE'
          value: storage.properties.primaryEndpoints.blob
        }
        {
          name: 'ADMIN_KEY'
          value: adminKey
        }
      ]
    }
  }
}

module access 'modules/access.bicep' = {
  name: 'access'
  params: {
    principal: site.identity.principalId
    storage: storage.name
  }
}

module alerts 'modules/alerts.bicep' = if (tier == 'large') {
  name: 'alerts'
  params: {
    site: site.id
  }
}

output address string = site.properties.defaultHostName
output container string = empty(concerts) ? '' : containers[0].name
