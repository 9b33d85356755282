import { getRouteApi, useNavigate } from "@tanstack/react-router"
import { Page, PageHeading } from "@/components/layout"
import { DatasetList, NewUpload, UploadList } from "@/features/datasets/dataset-list"
import { DatasetUpload } from "./dataset-upload"

const route = getRouteApi("/signed-in/shell/datasets")

export function DatasetsPage() {
  const { upload } = route.useSearch()
  return upload === undefined ? <AllDatasets /> : <DatasetUpload key={upload} id={upload} />
}

function AllDatasets() {
  const navigate = useNavigate()
  return (
    <Page>
      <PageHeading
        title="Datasets"
        subtitle="Labelled pictures that projects train on, or measure themselves with."
      />
      <NewUpload onBegun={({ id }) => navigate({ to: "/datasets", search: { upload: id } })} />
      <UploadList />
      <DatasetList />
    </Page>
  )
}
